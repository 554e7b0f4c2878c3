package apptest

const DevOrigin, ProdOrigin = "http://localhost:3000", "https://app.example.com"
