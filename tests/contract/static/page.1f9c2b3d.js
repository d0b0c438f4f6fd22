let hashed = true
