# server/module
