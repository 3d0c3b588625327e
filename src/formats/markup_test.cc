#include "formats/markup.h"

#include <gtest/gtest.h>

namespace sardonyx::formats {
namespace {

TEST(Escaped, BrokenTextIsReplaced) {
  EXPECT_EQ(Escaped("a\"<b>&\x01\xff\xc3\xa4"), "a&quot;&lt;b&gt;&amp;\xEF\xBF\xBD\xEF\xBF\xBD\xc3\xa4");
}

}  // namespace
}  // namespace sardonyx::formats
