/** The main website: who is there, and the form to become one of them. */
export function signupPage(tenants, port) {
  const links = tenants.map(
    ({ domain, name }) => html`<li><a href="http://${domain}:${port}/">${name ?? domain}</a></li>`,
  );
  return layout(
    'Notebooks',
    `<ul>${links.join('')}</ul>
<form method="post" action="/signup">
  <input name="name" placeholder="name: a-z, 0-9, _" required> <input name="label" placeholder="title"> <button>Sign up</button>
</form>`,
  );
}

/** The notes of one tenant, newest first. */
export function notesPage(tenant, notes) {
  const list = notes.map((text) => html`<li>${text}</li>`).join('');
  return layout(
    tenant.name ?? tenant.schemaName,
    `<form method="post"><input name="text" placeholder="a note" required autofocus> <button>Write down</button></form><ul>${list}</ul>`,
  );
}

/** A heading and some paragraphs. */
export function page(title, paragraphs) {
  return layout(title, paragraphs.map((text) => html`<p>${text}</p>`).join(''));
}

function layout(title, body) {
  return `<!doctype html><meta charset="utf-8">${html`<title>${title}</title>
    <h1>${title}</h1>`}${body}\n`;
}

const ENTITIES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** A template whose values are escaped. */
function html(strings, ...values) {
  return String.raw(
    { raw: strings },
    ...values.map((value) => String(value).replaceAll(/[&<>"]/g, (c) => ENTITIES[c])),
  );
}
