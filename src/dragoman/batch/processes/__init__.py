"""
A batch whose requests are sent by worker processes of this machine: one process is good for one processor.

    Job, journal, Engine, all policies    as for a batch in one process, in the driver
      FarSender                           a request, when it may go, goes to a worker
        Crew -> Post == socket == worker  encode, send, read and decode: what takes the time

The policies are not shared, they are where they always are, and so are the limits, the budgets and the keys.

Rule: a worker makes exactly one request of each errand, and decides nothing.
"""
