"use strict";

// Every address is relative to the page (…/docs), so that it also works behind a path prefix.
const server = new URL(".", document.baseURI).href.replace(/\/$/, "");

// "Try it out" calls the server that this page came from, whatever the contract
// gives as its address: localhost and 127.0.0.1 are two origins to a browser, and
// the session cookie and the page's security policy allow its own alone.
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

// The session is a cookie that scripts can neither read nor set: logging in is an
// operation on the page, and the dialog that asks for the cookie could do nothing.
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
  // Send the browser's cookie, and keep nothing of our own.
  withCredentials: true,
  persistAuthorization: false,
  // No badge from elsewhere, and no settings from the page's address.
  validatorUrl: null,
  queryConfigEnabled: false,
});
