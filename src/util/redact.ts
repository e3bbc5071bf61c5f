/**
 * Hides the passwords of connection URLs inside a text that others wrote, such as the message of an error that a
 * configuration file threw. The user name stays, to tell which URL it was.
 */
export function redactUrls(text: string): string {
  return text
    .replace(/([a-z][a-z0-9+.-]*:\/\/[^\s/:@]*):[^\s]*@/gi, '$1:***@')
    .replace(/([?&](?:password|sslpassword)=)[^\s&#]*/gi, '$1***');
}
