"""Tools of MCP servers. What needs the `mcp` package is imported only where a server is configured."""
