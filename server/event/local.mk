# server/event
