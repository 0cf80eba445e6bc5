"""Names and places of regions."""

from __future__ import annotations

import pycountry

from firmtrade_core.codes.regions import region_name, region_of, regions


def test_regions_of_chile_are_all_there_from_north_to_south() -> None:
    found = regions("CHL")
    assert {region.code for region in found} == {
        s.code for s in pycountry.subdivisions.get(country_code="CL")
    }
    assert [found[0].name, found[-1].name] == ["Arica y Parinacota", "Magallanes"]
    assert sum(region.people for region in found) == 17_574_003  # INE, census of 2017
    assert all(-57 < r.latitude < -17 and -76 < r.longitude < -66 for r in found)


def test_numbers_mean_a_region_of_invented_firms_alone() -> None:
    assert region_name("CHL", "Region 01", invented=True) == "Santiago Metropolitan"
    assert region_name("CHL", "Region 12", invented=True) == "Tarapacá"
    assert (
        region_name("CHL", "Region 01") == "Region 01"
        and region_of("CHL", "Region 99", invented=True) is None
    )
    assert region_name("CHL", "CL-BI") == "Biobío" and region_name("CHL", "valparaíso") == "Valparaíso"
    # Of other countries names alone, by ISO 3166-2; what nobody knows stays as it is.
    assert region_name("ZAF", "ZA-GP") == "Gauteng" and not regions("ZAF")
    assert (region_name("ZAF", "hamlet"), region_name("ZAF", "CL-BI")) == ("Hamlet", "CL-BI")
