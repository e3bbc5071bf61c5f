/** What the embedded server finds on the machine; tests put other machines in its place. */
export type HostEnvironment = {
  /** Who we are; `undefined` where the system has no user numbers (Windows). */
  uid: number | undefined;
  /** List of the machine's accounts, read only by root. */
  passwdFile: string;
  /**
   * Folders for what cannot lie in a project that only root can enter, the first usable one is taken. They are created
   * when missing.
   */
  systemPlaces: string[];
};

/** The machine as it is. */
export function realHostEnvironment(): HostEnvironment {
  return {
    uid: process.getuid?.(),
    passwdFile: '/etc/passwd',
    systemPlaces: ['/var/lib/pg-tenants', '/var/tmp/pg-tenants'],
  };
}
