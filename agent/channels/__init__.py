"""Ways in and out. One file a channel: verify(request), parse(event), and what is sent back."""
