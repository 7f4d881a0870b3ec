# server/dns
