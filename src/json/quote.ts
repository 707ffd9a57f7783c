/** As a JSON string. Nearly everything is plain ASCII, which needs no escapes. */
export function quote(text: string): string {
  return /^[ !#-[\]-~]*$/.test(text) ? `"${text}"` : JSON.stringify(text);
}
