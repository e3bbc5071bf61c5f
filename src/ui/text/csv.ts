/**
 * A line of CSV as PostgreSQL's COPY writes it: a null is empty, an empty text is `""`. Values are data, not text for a
 * terminal, and stay as they are.
 */
export function csvLine(values: readonly (string | null)[]): string {
  return `${values.map((value) => csvValue(value)).join(',')}\n`;
}

function csvValue(value: string | null): string {
  if (value === null) return '';
  // A line `\.` alone would end the data for COPY.
  return value === '' || value === String.raw`\.` || /[",\r\n]/.test(value)
    ? `"${value.replaceAll('"', '""')}"`
    : value;
}
