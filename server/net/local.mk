# server/net
