/** Says why the tests of this project are skipped. */
export default function setup(): void {
  if ((process.env['TENANTS_TEST_CITUS_URL'] ?? '') !== '') return;
  process.stderr.write('There is no Citus: TENANTS_TEST_CITUS_URL names no coordinator, and its tests are skipped.\n');
}
