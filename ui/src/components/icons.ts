import Activity from '@lucide/svelte/icons/activity';
import AppWindow from '@lucide/svelte/icons/app-window';
import ArrowLeft from '@lucide/svelte/icons/arrow-left';
import AudioLines from '@lucide/svelte/icons/audio-lines';
import BadgeCheck from '@lucide/svelte/icons/badge-check';
import BellOff from '@lucide/svelte/icons/bell-off';
import Building from '@lucide/svelte/icons/building-2';
import Chart from '@lucide/svelte/icons/chart-column';
import Check from '@lucide/svelte/icons/check';
import ChevronDown from '@lucide/svelte/icons/chevron-down';
import ChevronRight from '@lucide/svelte/icons/chevron-right';
import CircleAlert from '@lucide/svelte/icons/circle-alert';
import CircleCheck from '@lucide/svelte/icons/circle-check';
import CircleDot from '@lucide/svelte/icons/circle-dot';
import CircleUser from '@lucide/svelte/icons/circle-user-round';
import Clock from '@lucide/svelte/icons/clock';
import Copy from '@lucide/svelte/icons/copy';
import Download from '@lucide/svelte/icons/download';
import Ear from '@lucide/svelte/icons/ear';
import Eye from '@lucide/svelte/icons/eye';
import EyeOff from '@lucide/svelte/icons/eye-off';
import Headphones from '@lucide/svelte/icons/headphones';
import History from '@lucide/svelte/icons/history';
import Hourglass from '@lucide/svelte/icons/hourglass';
import Keyboard from '@lucide/svelte/icons/keyboard';
import Lock from '@lucide/svelte/icons/lock';
import LogOut from '@lucide/svelte/icons/log-out';
import Mail from '@lucide/svelte/icons/mail';
import Mic from '@lucide/svelte/icons/mic';
import MicOff from '@lucide/svelte/icons/mic-off';
import Mirrored from '@lucide/svelte/icons/triangles-centerline-dashed-horizontal';
import Pause from '@lucide/svelte/icons/pause';
import Phone from '@lucide/svelte/icons/phone';
import PhoneIncoming from '@lucide/svelte/icons/phone-incoming';
import PhoneMissed from '@lucide/svelte/icons/phone-missed';
import PhoneOff from '@lucide/svelte/icons/phone-off';
import PhoneOutgoing from '@lucide/svelte/icons/phone-outgoing';
import Power from '@lucide/svelte/icons/power';
import Route from '@lucide/svelte/icons/route';
import Scale from '@lucide/svelte/icons/scale';
import ScrollText from '@lucide/svelte/icons/scroll-text';
import Search from '@lucide/svelte/icons/search';
import Server from '@lucide/svelte/icons/server';
import Settings from '@lucide/svelte/icons/settings';
import Sliders from '@lucide/svelte/icons/settings-2';
import Shield from '@lucide/svelte/icons/shield';
import ShieldCheck from '@lucide/svelte/icons/shield-check';
import Undo from '@lucide/svelte/icons/undo-2';
import Unplug from '@lucide/svelte/icons/unplug';
import UserCheck from '@lucide/svelte/icons/user-check';
import UserPlus from '@lucide/svelte/icons/user-plus';
import Users from '@lucide/svelte/icons/users';
import Video from '@lucide/svelte/icons/video';
import VideoOff from '@lucide/svelte/icons/video-off';
import Volume from '@lucide/svelte/icons/volume-2';
import WifiOff from '@lucide/svelte/icons/wifi-off';
import X from '@lucide/svelte/icons/x';

/** The drawings in use, and only those, so that only those are bundled. Lucide, ISC licence. */
export const ICONS = {
  activity: Activity,
  'app-window': AppWindow,
  'arrow-left': ArrowLeft,
  'audio-lines': AudioLines,
  'badge-check': BadgeCheck,
  'bell-off': BellOff,
  building: Building,
  chart: Chart,
  check: Check,
  'chevron-down': ChevronDown,
  'chevron-right': ChevronRight,
  'circle-alert': CircleAlert,
  'circle-check': CircleCheck,
  'circle-dot': CircleDot,
  'circle-user': CircleUser,
  clock: Clock,
  copy: Copy,
  download: Download,
  ear: Ear,
  eye: Eye,
  'eye-off': EyeOff,
  headphones: Headphones,
  history: History,
  hourglass: Hourglass,
  keyboard: Keyboard,
  lock: Lock,
  'log-out': LogOut,
  mail: Mail,
  mic: Mic,
  'mic-off': MicOff,
  mirrored: Mirrored,
  pause: Pause,
  phone: Phone,
  'phone-incoming': PhoneIncoming,
  'phone-missed': PhoneMissed,
  'phone-off': PhoneOff,
  'phone-outgoing': PhoneOutgoing,
  power: Power,
  route: Route,
  scale: Scale,
  'scroll-text': ScrollText,
  search: Search,
  server: Server,
  settings: Settings,
  sliders: Sliders,
  shield: Shield,
  'shield-check': ShieldCheck,
  undo: Undo,
  unplug: Unplug,
  'user-check': UserCheck,
  'user-plus': UserPlus,
  users: Users,
  video: Video,
  'video-off': VideoOff,
  volume: Volume,
  'wifi-off': WifiOff,
  x: X,
} as const;

export type IconName = keyof typeof ICONS;

/** Drawings that point along the direction of reading. */
export const MIRRORED: ReadonlySet<IconName> = new Set<IconName>([
  'arrow-left',
  'chevron-right',
  'log-out',
  'undo',
]);
