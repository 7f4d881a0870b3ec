# server/message
