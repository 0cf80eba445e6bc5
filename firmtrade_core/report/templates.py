"""Empty forms of the tables that people bring: the columns, and rows that show how they are written. The numbers are invented."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Template:
    """A table to fill in.

    Parameters
    ----------
    title, file
        What it is, and what its file is called.
    words
        What its columns hold.
    text
        Content of a CSV file.
    """

    title: str
    file: str
    words: str
    text: str


TEMPLATES = {
    "country": Template(
        "Your country's trade",
        "own_trade.csv",
        "One row for each flow (export or import), partner (name or code) and product (code of the Harmonised System, or a sector of this "
        "world); value at the border in US dollars. Files of Comtrade are read as they come.",
        "flow,partner,product,value,year\n"
        "export,China,7403,1500000000,2022\nexport,United States,0304,400000000,2022\nimport,BRA,8703,250000000,2022\n",
    ),
    "flows": Template(
        "Flows",
        "flows.csv",
        "One row for each exporter, importer and sector, sales at home among them; value in the money chosen, tariff as a fraction.",
        "exporter,importer,sector,value,tariff,year\n"
        "CHL,CHL,Food,900,0,2022\nCHL,PER,Food,40,0.06,2022\nPER,CHL,Food,30,0.06,2022\nPER,PER,Food,700,0,2022\n",
    ),
    "panel": Template(
        "Flows over years",
        "panel.csv",
        "One row for each exporter, importer and year; columns of numbers of your own (distance, agreements) can explain trade.",
        "exporter,importer,year,trade,rta\nCHL,PER,2019,38,1\nCHL,PER,2020,40,1\nPER,CHL,2019,28,1\nPER,CHL,2020,30,1\n",
    ),
    "inputs": Template(
        "Input-output links",
        "inputs.csv",
        "What each user sector of a country buys of each input, million US dollars.",
        "country,input,user,value_musd\nCHL,Food,Food,120\nPER,Food,Food,90\n",
    ),
    "rates": Template(
        "Exchange rates",
        "exchange_rates.csv",
        "date: a year (2019), a month (2019-03) or a day (2019-03-05); usd: US dollars for one unit. Call the column per_usd where it "
        "holds units for one dollar.",
        "date,currency,usd\n2019,CLP,0.00142\n2020,CLP,0.00126\n2020-03,ARS,0.0158\n",
    ),
    "tariffs": Template(
        "Tariffs",
        "tariffs.csv",
        "Ad valorem rates as fractions: 0.06 is 6 %; pairs without a row are unknown.",
        "exporter,importer,sector,tariff\nCHL,PER,Food,0.06\nPER,CHL,Food,0.06\n",
    ),
    "output": Template(
        "Output",
        "output.csv",
        "What each sector of a country makes, million US dollars: sales at home are what exports leave of it.",
        "country,sector,output_musd\nCHL,Food,1000\nPER,Food,800\n",
    ),
    "concordance": Template(
        "Products to sectors",
        "products.csv",
        "product: code of the Harmonised System, two, four or six digits.",
        "product,sector\n02,Food\n0201,Food\n020110,Food\n",
    ),
    "sectors": Template(
        "Sectors to your own",
        "sectors.csv",
        "sector: as the file writes it; group: yours.",
        "sector,group\nA01,Food\nC10T12,Food\n",
    ),
    "partners": Template(
        "Partners' numbers",
        "partners.csv",
        "code: as the records write it; country: ISO code or name, empty where it is none.",
        "code,country\n10,ARG\n20,Chile\n99,\n",
    ),
    "corrections": Template(
        "Corrections",
        "corrections.csv",
        "field: date, flow, country, product, currency or unit; text: as written; meaning: as meant.",
        "field,text,meaning\ncountry,EEUU,USA\ncurrency,$,USD\n",
    ),
}
