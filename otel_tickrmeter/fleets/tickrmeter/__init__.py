"""The TickrMeter fleet: price displays, their requests for prices and the answers of the backend."""
