"""Servers that speak the wire formats of the built-in providers, with jobs that advance on a clock handed in.

world = World(now)
async with serve(scenario.app(world, api_key="key", api_secret="secret")) as url:
    base_url = url + scenario.BASE_PATH
"""

from tracker.demo.simulators.faults import Fault
from tracker.demo.simulators.lists import Listing
from tracker.demo.simulators.scripts import Failure, Node, Phase, Script, State
from tracker.demo.simulators.world import SimulatedJob, World

__all__ = ["Failure", "Fault", "Listing", "Node", "Phase", "Script", "SimulatedJob", "State", "World"]
