"""Settings: read with dynaconf, validated once into frozen records."""
