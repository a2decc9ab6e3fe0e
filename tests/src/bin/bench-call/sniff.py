# Notes every RTP packet that leaves over loopback: time (CLOCK_MONOTONIC, ns), source port, SSRC,
# RTP timestamp, bytes (RFC 3550, section 5.1). Prints "ready", listens so many seconds, prints all.
import socket, struct, sys, time

OUTGOING = 4
link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
link.bind(("lo", 0))
link.settimeout(0.2)
print("ready", flush=True)
end = time.monotonic() + float(sys.argv[1])
found = []
while time.monotonic() < end:
    try:
        data, source = link.recvfrom(4096)
    except socket.timeout:
        continue
    now = time.monotonic_ns()
    if source[2] != OUTGOING:
        continue
    kind = data[12:14]
    if kind == b"\x08\x00" and data[23] == 17:
        start = 14 + 4 * (data[14] & 15)
    elif kind == b"\x86\xdd" and data[20] == 17:
        start = 54
    else:
        continue
    rtp = data[start + 8 :]
    if len(rtp) < 12 or rtp[0] >> 6 != 2 or 192 <= rtp[1] <= 223:
        continue
    port = struct.unpack_from("!H", data, start)[0]
    stamp, ssrc = struct.unpack_from("!II", rtp, 4)
    found.append(f"{now} {port} {ssrc} {stamp} {len(rtp)}")
print("\n".join(found))
