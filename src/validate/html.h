// Pages of reports: one file each, with its style and drawings inside.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sardonyx::validate {

// A page under construction. What is given as text is escaped; what is given as html is not.
class HtmlPage {
 public:
  HtmlPage(std::string_view title, std::string_view subtitle);
  // "within tolerance" on green or "differs" on red.
  void Verdict(bool good, std::string_view text);
  void Heading(std::string_view text);
  void Paragraph(std::string_view text);
  // Boxes with a number and what it is.
  void Figures(const std::vector<std::pair<std::string, std::string>>& figures);
  void Table(const std::vector<std::string>& head, const std::vector<std::vector<std::string>>& rows_html);
  void Raw(std::string_view html) { body_ += html; }
  std::string Finish() const;

 private:
  std::string title_, body_;
};

// "ok" on green, else `word` on red, as html for a table's cell.
std::string Badge(bool good, std::string_view word = "differs");
// Numbers as reports show them: "0", "1.2e-07".
std::string Number(double value);

}  // namespace sardonyx::validate
