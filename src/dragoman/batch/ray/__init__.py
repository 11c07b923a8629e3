"""
A batch whose rows are asked by workers of a Ray cluster.

    Job, journal, Engine          as for a batch in one process, in the driver
      Afar                        a client whose policies above the retry hold here; it sends elsewhere
        Crew                      hands rows to workers, and takes back what came of them
          Worker, Worker...       actors, each with an `AsyncClient`: retry, limits, keys, network

What must be one (the journal, the budget, the cache, the observers, who waits for a provider that is down) is in the
driver.  What may be many is in the workers, which share a limit by its store.

Rule: Ray places and runs the actors; nothing here schedules.  A key never travels, only where it is found.
"""
