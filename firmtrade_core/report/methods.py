"""The model in plain words and in equations, its assumptions, its literature and its words (MODEL 1 to 4)."""

from __future__ import annotations

from dataclasses import dataclass

import yaml

from firmtrade_core.paths import SHIPPED


@dataclass(frozen=True)
class Equation:
    """One equation: its number in MODEL, what it says in plain words, and LaTeX."""

    number: str
    words: str
    latex: str


@dataclass(frozen=True)
class Part:
    """A part of the model: title, plain words, equations, keys of `LITERATURE`."""

    title: str
    words: str
    equations: tuple[Equation, ...]
    literature: tuple[str, ...]


@dataclass(frozen=True)
class Assumption:
    """What is assumed, what that leaves out, and where it can be changed."""

    statement: str
    consequence: str
    change: str


NOTATION = (
    r"Origins $i$, destinations $j$, sectors $s$, inputs $k$. $X_{ijs}$ is what $j$ spends on goods of $i$ at consumer "
    r"prices, $t$ the tariff, $b$ the export subsidy, $T=(1+t)(1-b)$ the wedge between them, $\tau$ variable trade "
    r"costs, $f$ fixed costs. A hat is the ratio of the counterfactual to the baseline; a prime is the counterfactual."
)

PARTS = (
    Part(
        "Who buys from whom",
        "In every country, buyers compare what a good costs from every origin: the cost of making it there, the cost of "
        "shipping it, and the tariff. When one origin gets dearer, part of the spending moves to the others, at home "
        "and abroad. The trade elasticity says how much moves.",
        (
            Equation(
                "(6)",
                "The price of a sector's goods in a country is built from every origin's price, each with its share.",
                r"\hat P_{js}^{1-\sigma} = \sum_i \pi_{ijs}\, \hat M_{is}\, (\hat c_{is}\, \hat\tau_{ijs}\, \hat T_{ijs})^{1-\sigma}\,"
                r" \hat S_{ijs}",
            ),
            Equation(
                "(7)",
                "Spending follows the new shares; firms receive it less the wedge, and keep a profit.",
                r"\begin{gathered} X'_{ijs} = \pi'_{ijs} E'_{js}, \qquad R'_{is} = \sum_j X'_{ijs}/T'_{ijs} \\"
                r" \Pi'_{is} = \sum_j (1-\varphi'_{ijs})\, X'_{ijs}/(T'_{ijs}\, \sigma_s) \end{gathered}",
            ),
        ),
        ("DEK08", "CR14"),
    ),
    Part(
        "What goods cost to make",
        "Producers use labour and the goods of other sectors, from home and abroad. A tariff on steel therefore makes "
        "cars dearer, and a tariff on cars makes steel less wanted.",
        (
            Equation(
                "(5)",
                "Unit cost: wages and input prices, each with its share in cost, less productivity.",
                r"\ln \hat c_{is} = \beta_{is} \ln \hat w_i + \sum_k \gamma_{iks} \ln \hat P_{ik} - \ln \hat A_{is}",
            ),
        ),
        ("CP15",),
    ),
    Part(
        "Which firms export",
        "Firms differ. Serving a market has a fixed cost, so only capable firms do. A policy moves the threshold, and "
        "with it how many firms export. How much trade they bring along depends on how firms differ: not at all, by a "
        "Pareto law (few giants), or by a lognormal one.",
        (
            Equation(
                "(1)",
                "The threshold of capability above which a firm exports, in logs.",
                r"\Delta k_{ijs} = \sigma \hat c_{is} + (\sigma-1) \hat\tau_{ijs} + \hat f_{ijs} + \sigma \hat T_{ijs}"
                r" - \hat E_{js} - (\sigma-1) \hat P_{js}",
            ),
            Equation(
                "(2, 3)",
                "Pareto firms: the share of firms present, and their joint sales potential.",
                r"\ln \hat n = -\zeta\, \Delta k, \qquad \ln \hat S = -(\zeta-1)\, \Delta k, \qquad \varphi = (\zeta-1)/\zeta",
            ),
            Equation(
                "(2, 3, 4)",
                "Lognormal firms with dispersion s.",
                r"\begin{gathered} n(k) = \Phi(-k/s), \qquad S(k) = e^{s^2/2}\, \Phi\big((s^2-k)/s\big) \\"
                r" \varphi(k) = e^{k}\, \Phi(-k/s) \,/\, S(k) \end{gathered}",
            ),
            Equation(
                "(8)",
                "The number of firms: given, with profits as income; or free, until profits just pay for entry.",
                r"\text{restricted: } \hat M = 1,\; C' = R' - \Pi' \qquad \text{free: } \hat M = \hat\Pi/\hat c,\; C' = R'",
            ),
        ),
        ("M03", "C08", "BMT17", "AAG", "EKK11"),
    ),
    Part(
        "How it all adds up",
        "Wages settle where every country's labour is employed; incomes are wages, profits and duties, less subsidies "
        "and programmes, plus the trade deficit; and all that is earned is spent. Everything is computed from changes "
        "to the observed world, so that no cost or taste needs to be known in levels.",
        (
            Equation(
                "(9)",
                "Wages: what producers pay for labour. Hours worked respond to the real wage with elasticity κ.",
                r"w'_i L'_i = \sum_s \beta_{is} C'_{is}, \qquad \hat L_i = \Big(\hat w_i / \prod_s \hat P_{is}^{\alpha_{is}}\Big)^{\kappa_L}",
            ),
            Equation(
                "(10)",
                "Income and spending. The world's average wage is the unit of account.",
                r"\begin{gathered} I_j = w_j L_j + \Pi_j + \sum tV - \sum bR - G_j + D_j \\"
                r" E_{jk} = \alpha_{jk}(I_j + G_j) + \sum_s \gamma_{jks} C_{js} \\"
                r" \sum_i \hat w_i\, w_i L_i = \sum_i w_i L_i \end{gathered}",
            ),
        ),
        ("DEK08", "CP15", "CR14", "ACR12"),
    ),
)

ASSUMPTIONS = (
    Assumption(
        "The long run: prices, wages and trade have settled.",
        "Nothing is said about the months between, about unemployment on the way, or about when it ends.",
        "Fixed.",
    ),
    Assumption(
        "Workers move between sectors within a country without cost, and not between countries.",
        "Jobs by sector are where labour ends up; losses of those who cannot move are not counted.",
        "Fixed.",
    ),
    Assumption(
        "Spending shares across sectors stay as they are; input shares in cost, too.",
        "Substitution between sectors is of elasticity one; demand shocks are a lever of their own.",
        "Fixed.",
    ),
    Assumption(
        "One trade elasticity for each sector, the same for all countries, unless firms are lognormal.",
        "Lognormal firms make it differ by market. It is one to costs or to tariffs: where firms select into markets, a tariff "
        "moves trade more than a cost of the same size.",
        "Model choices: how firms differ, trade elasticity, elasticity to.",
    ),
    Assumption(
        "Firms of one country are closer substitutes to one another than to foreign firms: markups are a number apart from the "
        "trade elasticity, those of Lashkaripour and Lugovskyy (2023) by sector.",
        "No published set covers services: a fifth of cost is assumed. Where markups and trade elasticity do not go together, "
        "or profits would take value added, markups are lowered, and the notes of a result say so.",
        "Model choices: markups.",
    ),
    Assumption(
        "The number of firms founded in each sector is given, and profits go to the country's income.",
        "With free entry, sectors can grow or vanish far more.",
        "Model choices: number of firms.",
    ),
    Assumption(
        "Trade deficits move in step with income: spending over own income stays as it was, but for one factor common to all "
        "that makes deficits add up to zero.",
        "The model does not explain saving and lending. Deficits held at a share of the world would let surplus countries "
        "move most and go on whatever is traded; with deficits removed, policy and no policy are both read "
        "in a balanced world.",
        "Model choices: trade deficits.",
    ),
    Assumption(
        "Duties go to the importing country's consumers in full, as a lump sum; subsidies and programmes are paid the same way.",
        "Nothing is lost in collecting them, and no other tax is cut, unless they are chosen to lower a tax on labour.",
        "Model choices: duties come back.",
    ),
    Assumption(
        "Where exporters are not observed, their share in a market follows sales there over sales at home, to the power 0.65, and is "
        "at most 90 %.",
        "Only the lognormal family, the default where no firms are loaded, uses them; changes of exporters with Pareto firms do not depend on them.",
        "Model choices: whose exporters firms are like; else after Eaton, Kortum and Kramarz (2011).",
    ),
)

LITERATURE = {
    "AAG": "Adão, R., C. Arkolakis and S. Ganapati (2020). From Heterogeneous Firms to Heterogeneous Trade Elasticities: The "
    "Aggregate Implications of Firm Export Decisions. NBER Working Paper 28081.",
    "ACR12": "Arkolakis, C., A. Costinot and A. Rodríguez-Clare (2012). New Trade Models, Same Old Gains? American "
    "Economic Review 102(1), 94-130.",
    "BMT17": "Bas, M., T. Mayer and M. Thoenig (2017). From Micro to Macro: Demand, Supply, and Heterogeneity in the "
    "Trade Elasticity. Journal of International Economics 108, 1-19.",
    "C08": "Chaney, T. (2008). Distorted Gravity: The Intensive and Extensive Margins of International Trade. American "
    "Economic Review 98(4), 1707-1721.",
    "CP15": "Caliendo, L. and F. Parro (2015). Estimates of the Trade and Welfare Effects of NAFTA. Review of Economic "
    "Studies 82(1), 1-44.",
    "CR14": "Costinot, A. and A. Rodríguez-Clare (2014). Trade Theory with Numbers: Quantifying the Consequences of "
    "Globalization. Handbook of International Economics 4, 197-261.",
    "DEK08": "Dekle, R., J. Eaton and S. Kortum (2008). Global Rebalancing with Gravity: Measuring the Burden of "
    "Adjustment. IMF Staff Papers 55(3), 511-540.",
    "EKK11": "Eaton, J., S. Kortum and F. Kramarz (2011). An Anatomy of International Trade: Evidence from French Firms. "
    "Econometrica 79(5), 1453-1498.",
    "M03": "Melitz, M. J. (2003). The Impact of Trade on Intra-Industry Reallocations and Aggregate Industry "
    "Productivity. Econometrica 71(6), 1695-1725.",
}

#: Terms of art, each in a sentence or two for someone outside the field.
GLOSSARY = {
    "Ad valorem": "As a share of the value: a tariff of 10 % ad valorem on goods worth 100 is 10.",
    "Baseline": "The world as observed, before any policy of the scenario.",
    "Border value": "What goods are worth when they reach the border, before the buyer's tariff.",
    "Certificate": "A check of every equation of the model at the result, by code that shares nothing with the solver. A "
    "number without one is never shown.",
    "Content hash": "A short fingerprint of everything that went into a number; equal fingerprints mean equal inputs.",
    "Counterfactual": "The world as the model says it would be with the scenario in force, all else as in the baseline.",
    "Deficit": "What a country spends over what it earns, lent by the others.",
    "Dispersion": "How much firms differ, for lognormal firms: the standard deviation of their log sales potential.",
    "Embargo": "No trade at all between the countries named, in the goods named.",
    "Equivalent variation": "The yearly income that, given at baseline prices, would have changed welfare as much as the policy does.",
    "Extensive margin": "Trade that comes from more or fewer firms exporting.",
    "Free entry": "Firms are founded until expected profits only pay for founding one.",
    "Gravity": "The regularity that trade grows with the size of two economies and falls with the distance between them.",
    "Iceberg cost": "A trade cost that uses up part of the good on its way; the same as a variable trade cost.",
    "Input-output links": "Who uses whose goods to make their own.",
    "Intensive margin": "Trade that comes from exporters selling more or less each.",
    "Numeraire": "What prices are counted in: here the world's average wage.",
    "Real income": "What income buys: income over consumer prices.",
    "Residual": "By how much an equation fails to hold, relative to the size of its market.",
    "Retaliation": "Tariffs that the countries hit by a tariff set in return.",
    "Swiss formula": "New tariff = a·t/(a+t): high tariffs fall most, and none stays above a.",
    "Tail": "How quickly large firms get rarer, for Pareto firms: nearer to one means more giants.",
    "Terms of trade": "What a country's exports buy: export prices over import prices.",
    "Trade diversion": "Purchases that move from one foreign origin to another because a policy treats them differently.",
    "Trade elasticity": "By how many percent trade falls when its cost rises by one percent.",
    "Walras's law": "If all markets but one clear, the last one does: a check that no money is lost or made up.",
}


def citation() -> dict[str, str]:
    """How to cite the product, from CITATION.cff: ``plain`` words and ``bibtex``."""
    record = yaml.safe_load((SHIPPED / "CITATION.cff").read_text(encoding="utf-8"))
    authors = [
        author.get("name") or f"{author['family-names']}, {author['given-names']}"
        for author in record["authors"]
    ]
    year, title, version = str(record["date-released"])[:4], record["title"], record["version"]
    return {
        "plain": f"{', '.join(authors)} ({year}). {title}. Version {version}.",
        "bibtex": "@software{firmtrade,\n"
        f"  author  = {{{' and '.join(f'{{{author}}}' for author in authors)}}},\n"
        f"  title   = {{{title}}},\n  year    = {{{year}}},\n  version = {{{version}}}\n}}",
    }


def component_versions() -> dict[str, str]:
    """Versions of the product and of the packages that its numbers rest on."""
    from importlib.metadata import PackageNotFoundError, version

    from firmtrade_core.equilibrium.certificate import versions

    found = dict(versions())
    for name in ("scipy", "pandas", "pyarrow", "pyfixest", "pydantic", "streamlit", "plotly"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
