"""The interface of the job controller: `/api/v1/dagda`, for who shows a token."""
