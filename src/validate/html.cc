#include "validate/html.h"

#include <cmath>

#include <fmt/format.h>

#include "formats/markup.h"

namespace sardonyx::validate {
namespace {

using formats::Escaped;

constexpr std::string_view kStyle = R"(
:root{color-scheme:light dark;--ink:#1f2328;--soft:#59636e;--line:#d1d9e0;--page:#fff;--card:#f6f8fa;--good:#1a7f37;--bad:#cf222e;--warn:#9a6700;
--bar:#4c8dd6;--bar2:#d1853c}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9198a1;--line:#3d444d;--page:#0d1117;--card:#151b23;--good:#3fb950;--bad:#f85149;
--warn:#d29922;--bar:#5b9bea;--bar2:#e0994f}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1080px;padding:32px 24px 64px;background:var(--page);color:var(--ink);
font:14px/1.5 system-ui,-apple-system,"Segoe UI",Helvetica,Arial,"Liberation Sans",sans-serif}
h1{font-size:24px;margin:0;overflow-wrap:anywhere}
h2{font-size:17px;margin:36px 0 10px;padding-bottom:6px;border-bottom:1px solid var(--line)}
p{margin:6px 0;overflow-wrap:anywhere}
.sub{color:var(--soft);margin:2px 0 18px}
.verdict{border:1px solid;border-radius:8px;padding:12px 16px;font-size:16px;font-weight:600;margin:14px 0}
.verdict.good{color:var(--good)}.verdict.bad{color:var(--bad)}
.figures{display:flex;flex-wrap:wrap;gap:12px;margin:14px 0}
.figures div{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:10px 16px;min-width:110px}
.figures b{display:block;font-size:20px;font-variant-numeric:tabular-nums}
.figures span{color:var(--soft);font-size:12px}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:13px}
th{text-align:left;color:var(--soft);font-weight:600;white-space:nowrap}
th,td{padding:5px 14px 5px 0;border-bottom:1px solid var(--line);vertical-align:top}
td{overflow-wrap:anywhere;min-width:7em}
td.n,th.n{text-align:right;white-space:nowrap;overflow-wrap:normal;min-width:0}
.badge{border-radius:10px;padding:0 8px;border:1px solid;font-size:12px;white-space:nowrap}
.badge.good{color:var(--good)}.badge.bad{color:var(--bad)}.badge.none{color:var(--soft)}
.soft{color:var(--soft)}code{font:12px ui-monospace,Menlo,"DejaVu Sans Mono",monospace}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(330px,1fr));gap:16px}
figure{margin:0;background:var(--card);border:1px solid var(--line);border-radius:8px;padding:12px}
figcaption{font-weight:600;margin-bottom:6px;overflow-wrap:anywhere}
svg{width:100%;height:auto;display:block}
svg text{fill:var(--soft);font-size:10px}
svg .axis{stroke:var(--line);stroke-width:1}
svg .bar{fill:var(--bar)}svg .over{fill:var(--bad)}svg .dot{fill:var(--bar);fill-opacity:.55}
svg .line{fill:none;stroke:var(--bar);stroke-width:1.5}svg .limit{stroke:var(--bad);stroke-dasharray:4 3}
svg .diagonal{stroke:var(--soft);stroke-dasharray:3 3}
footer{margin-top:40px;color:var(--soft);font-size:12px}
)";

}  // namespace

HtmlPage::HtmlPage(std::string_view title, std::string_view subtitle) : title_(title) {
  body_ = fmt::format("<h1>{}</h1>\n<p class=\"sub\">{}</p>\n", Escaped(title), Escaped(subtitle));
}

void HtmlPage::Verdict(bool good, std::string_view text) {
  body_ += fmt::format("<div class=\"verdict {}\">{}</div>\n", good ? "good" : "bad", Escaped(text));
}

void HtmlPage::Heading(std::string_view text) { body_ += fmt::format("<h2>{}</h2>\n", Escaped(text)); }

void HtmlPage::Paragraph(std::string_view text) { body_ += fmt::format("<p>{}</p>\n", Escaped(text)); }

void HtmlPage::Figures(const std::vector<std::pair<std::string, std::string>>& figures) {
  body_ += "<div class=\"figures\">";
  for (const auto& [what, number] : figures) body_ += fmt::format("<div><b>{}</b><span>{}</span></div>", Escaped(number), Escaped(what));
  body_ += "</div>\n";
}

void HtmlPage::Table(const std::vector<std::string>& head, const std::vector<std::vector<std::string>>& rows_html) {
  // Columns whose cells are all numbers stand to the right.
  std::vector<bool> numeric(head.size(), !rows_html.empty());
  for (const auto& row : rows_html)
    for (size_t i = 0; i < row.size() && i < head.size(); ++i)
      numeric[i] = numeric[i] && (row[i].empty() || row[i].find_first_not_of("0123456789.+-e%naif ") == std::string::npos);
  const auto cell = [&](const char* tag, size_t i, const std::string& html) {
    return fmt::format("<{0}{1}>{2}</{0}>", tag, i < numeric.size() && numeric[i] ? " class=\"n\"" : "", html);
  };
  body_ += "<div class=\"scroll\"><table>\n<tr>";
  for (size_t i = 0; i < head.size(); ++i) body_ += cell("th", i, Escaped(head[i]));
  body_ += "</tr>\n";
  for (const auto& row : rows_html) {
    body_ += "<tr>";
    for (size_t i = 0; i < row.size(); ++i) body_ += cell("td", i, row[i]);
    body_ += "</tr>\n";
  }
  body_ += "</table></div>\n";
}

std::string HtmlPage::Finish() const {
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, "
      "initial-scale=1\">\n<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n{}<footer>Made by Sardonyx.</footer>\n</body>\n</html>\n",
      Escaped(title_), kStyle, body_);
}

std::string Badge(bool good, std::string_view word) {
  return good ? "<span class=\"badge good\">ok</span>" : fmt::format("<span class=\"badge bad\">{}</span>", Escaped(word));
}

std::string Number(double value) {
  if (value == 0) return "0";
  const double size = std::fabs(value);
  return size >= 1e-3 && size < 1e5 ? fmt::format("{:.4g}", value) : fmt::format("{:.2e}", value);
}

}  // namespace sardonyx::validate
