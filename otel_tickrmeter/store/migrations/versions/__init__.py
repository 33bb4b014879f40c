"""One module a step, numbered. A step that was released is never changed, and imports nothing of ours."""
