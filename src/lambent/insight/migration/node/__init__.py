"""What a Node.js function does with `/tmp`, module state and connections, read from its own files, token by token."""
