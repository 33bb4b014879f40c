"""Long work beside the exporter: a controller here, shards and workers as processes of their own."""
