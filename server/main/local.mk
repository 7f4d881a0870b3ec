# server/main
