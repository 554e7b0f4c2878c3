"use strict";

// All addresses are relative to the page (…/docs), so that it works behind a path prefix.
const server = new URL(".", document.baseURI).href.replace(/\/$/, "");

// "Try it out" calls the server of this page instead of the address in the contract.
// localhost and 127.0.0.1 are two origins to a browser, and the session cookie and the
// page's security policy allow only the page's own origin.
const callThisServer = () => ({
  statePlugins: {
    spec: {
      wrapActions: {
        updateJsonSpec: (update) => (contract) =>
          update({ ...contract, servers: [{ url: server, description: "This server" }] }),
      },
    },
  },
});

// Scripts can neither read nor set the session cookie, so the dialog that asks for it
// cannot work. Users log in with the login operation on the page.
const noAuthorizeDialog = () => ({
  wrapComponents: { authorizeBtn: () => () => null },
});

SwaggerUIBundle({
  dom_id: "#swagger-ui",
  url: "openapi.json",
  plugins: [callThisServer, noAuthorizeDialog],
  deepLinking: true,
  tryItOutEnabled: true,
  displayRequestDuration: true,
  // Send the browser's cookie, and store no credentials.
  withCredentials: true,
  persistAuthorization: false,
  // Load no badge from another server, and take no settings from the page's address.
  validatorUrl: null,
  queryConfigEnabled: false,
});
