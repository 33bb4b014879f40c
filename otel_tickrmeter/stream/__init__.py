"""What arrives and how the link is, pure: messages, what the receiver notices, frames that carry both."""
