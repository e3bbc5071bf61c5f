import express from 'express';
import { createTenant, isTenantsError } from 'pg-tenants';
import { tenantMiddleware, tenantRouter } from 'pg-tenants/runtime/express';

import { notesPage, page, signupPage } from './pages.js';

/**
 * A notebook for every tenant at `<name>.localhost`, and the main website at `localhost`, where new ones sign up.
 *
 * @param tenancy made by `createTenancy`
 * @param project what `openProject` returned: creating a tenant is the work of migrations, not of the runtime
 */
export function createApp(tenancy, project) {
  const app = express();
  app.use(tenantMiddleware(tenancy, { requireReady: true }));
  app.use(express.urlencoded({ extended: false }));
  app.use(tenantRouter(tenancy, { public: website(tenancy, project), tenant: notebook(tenancy) }));
  app.use(answerError);
  return app;
}

function website(tenancy, project) {
  const router = express.Router();

  router.get('/', async (request, response) => {
    const tenants = await tenancy.withTenant(request.tenant, async (client) => {
      const { rows } = await client.query(
        `SELECT d.domain, t.name FROM domains d JOIN tenants t ON t.id = d.tenant_id
          WHERE d.is_primary AND t.status = 'active' AND t.schema_name <> 'public' ORDER BY d.domain`,
      );
      return rows;
    });
    response.send(signupPage(tenants, portOf(request)));
  });

  router.post('/signup', async (request, response) => {
    const name = field(request, 'name');
    const label = field(request, 'label');
    const domain = `${name.replaceAll('_', '-')}.localhost`;
    await createTenant(project, { schema: name, domains: [domain], ...(label === '' ? {} : { label }) });
    response.redirect(303, `http://${domain}:${portOf(request)}/`);
  });

  return router;
}

function notebook(tenancy) {
  const router = express.Router();

  router.get('/', async (request, response) => {
    const notes = await tenancy.withTenant(request.tenant, async (client) => {
      const { rows } = await client.query('SELECT text FROM notes ORDER BY id DESC LIMIT 100');
      return rows.map(({ text }) => text);
    });
    response.send(notesPage(request.tenant, notes));
  });

  router.post('/', async (request, response) => {
    await tenancy.withTenant(request.tenant, (client) =>
      client.query('INSERT INTO notes (text) VALUES ($1)', [field(request, 'text')]),
    );
    response.redirect(303, '/');
  });

  return router;
}

/** What someone did wrong is said to them; everything else is ours to know. */
function answerError(error, request, response, next) {
  if (response.headersSent) return next(error);
  if (isTenantsError(error) && error.exitCode === 2) return response.status(422).send(page('Sorry', [error.message]));
  if (error.code === '23514') return response.status(422).send(page('Sorry', ['A note is not empty.']));
  process.stderr.write(`${error.stack}\n`);
  return response.status(500).send(page('Sorry', ['Something went wrong.']));
}

/** The text of a form's field; what is missing, or there twice, is empty. */
function field(request, name) {
  const value = request.body?.[name];
  return typeof value === 'string' ? value : '';
}

function portOf(request) {
  return request.socket.localPort;
}
