# server/control
