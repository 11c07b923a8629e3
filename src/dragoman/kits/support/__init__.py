"""
Customers' questions, answered.

    customer's words -> masked -> passages found -> model -> checked (and asked again) -> escalated or not -> unmasked

The whole way is one turn of a durable conversation: a message id that comes again gives the kept reply.

Rule: no answer that a check refuses reaches a customer; then they get the policy's words of hand-over, and a person the
ticket.
"""
