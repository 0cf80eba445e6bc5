from firmtrade_core.equilibrium import Parameters, solve
from firmtrade_core.margins import Pareto
from firmtrade_core.scenarios import compile, load_preset
from firmtrade_core.world import load_embedded_world

world = load_embedded_world()
shock = compile(load_preset("us_ten_points"), world).shock
result = solve(world, shock, Parameters(trade_elasticity=4.0, family=Pareto(1.5)))
for name in ("USA", "CHN", "MEX"):
    print(f"{name} {100 * (result.real_income_change[world.country_index(name)] - 1):+.2f} % real income")
