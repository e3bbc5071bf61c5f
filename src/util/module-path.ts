/** How the path of a module begins, so that it cannot be mistaken for a name. */
export const MODULE_PATH = /^(?:\.{0,2}[/\\]|[A-Za-z]:[/\\])/;
