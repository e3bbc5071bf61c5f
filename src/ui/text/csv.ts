/**
 * A line of CSV as PostgreSQL's COPY writes it: NULL is empty, an empty string is `""`. Values are data, not text for a
 * terminal, and are not cleaned.
 */
export function csvLine(values: readonly (string | null)[]): string {
  return `${values.map((value) => csvValue(value)).join(',')}\n`;
}

function csvValue(value: string | null): string {
  if (value === null) return '';
  // A line with only `\.` would end the data for COPY.
  return value === '' || value === String.raw`\.` || /[",\r\n]/.test(value)
    ? `"${value.replaceAll('"', '""')}"`
    : value;
}
