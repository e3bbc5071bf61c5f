import { defineConfig } from 'pg-tenants';

export default defineConfig({
  database: process.env.DATABASE_URL ?? 'embedded',
  shared: { schema: 'public', migrations: './migrations/shared' },
  tenants: { migrations: './migrations/tenant' },
});
