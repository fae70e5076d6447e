"""How fast the integrations are, beside their peers and beside the least a framework allows. See docs/performance.md."""
