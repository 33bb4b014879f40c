"""The exporter at a glance, at a terminal: what its JSON interface says, shown again and again."""
