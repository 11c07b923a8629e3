"""
Pacing: waiting for one's turn instead of being told to wait.

Everything here is arithmetic over values and a clock reading that the caller passes as `now`: no lock, no wait, no I/O.
The middleware that waits is a few lines over `Scope.reserve`, `resume`, `settle` and `rejected`.

Read in this order: `headers` (what a provider says), `refill` (how fast a limit comes back), `bucket` (one limit),
`turns` (whose turn it is), `scope` (all limits of one credential and model), `limiter` (all scopes), `cost`
(estimates).

Source: the measured design of the prototype; providers' rate limit pages; recordings.
"""
