# server/conf
