"""Products of the synthetic home country: a few HS codes by broad sector, with invented prices."""

from __future__ import annotations

#: Product code of services, which no customs office sees.
SERVICES_PRODUCT = "services"

#: Six HS codes (2022) by broad sector, the commonest first, with a typical price in dollars per kilogram.
PRODUCTS: dict[str, dict[str, float]] = {
    "agriculture": {"080610": 2.0, "080810": 1.1, "080929": 5.2, "030214": 7.5, "100590": 0.35, "020130": 6.0},
    "mining_energy": {"260300": 2.2, "261310": 14.0, "260111": 0.11, "270900": 0.55, "250100": 0.06, "271121": 0.4},
    "food_beverages_tobacco": {"220421": 3.4, "030441": 9.5, "081190": 2.4, "200870": 1.5, "190531": 2.8, "240220": 16.0},
    "textiles_apparel_leather": {"620342": 18.0, "610910": 15.0, "640399": 24.0, "510529": 9.0, "420221": 32.0, "630260": 8.0},
    "wood_paper_other_mfg": {"470329": 0.75, "440710": 0.4, "441239": 0.9, "481092": 1.2, "940350": 3.6, "490199": 7.0},
    "fuels_chemicals_plastics_minerals": {"280120": 40.0, "271019": 0.8, "310420": 0.5, "392010": 2.6, "401120": 4.4, "300490": 95.0},
    "metals": {"740311": 8.6, "740811": 9.1, "720839": 0.8, "760120": 2.5, "710812": 52_000.0, "732690": 4.0},
    "electronics_machinery": {"847989": 22.0, "850440": 31.0, "841391": 19.0, "853710": 45.0, "847130": 90.0, "902610": 120.0},
    "vehicles_transport_eq": {"870323": 12.0, "870899": 9.0, "890190": 4.0, "871639": 5.0, "880330": 450.0, "860719": 6.5},
}  # fmt: skip


def products_of(sector: str) -> dict[str, float]:
    """Codes and prices of a sector; services, and sectors of other worlds, have one product named after them."""
    return PRODUCTS.get(sector, {SERVICES_PRODUCT if sector == "services" else sector: 1.0})
