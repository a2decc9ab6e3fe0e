/** Where the server publishes the numbers. */
export function statisticsPage(server: string): string {
  return `${server.replace(/\/+$/u, '')}/legal/statistics`;
}
