#include "ir/descriptor_message.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "ir/descriptor_writer.h"

namespace sardonyx::ir {
namespace {

using formats::WireType;

TEST(Descriptor, FindsFieldsByNumberAndName) {
  const MessageDescriptor& tensor = DescriptorOf(MessageKind::kTensorProto);
  EXPECT_EQ(tensor.name, "TensorProto");
  ASSERT_NE(tensor.Find(9), nullptr);
  EXPECT_EQ(tensor.Find(9)->name, "raw_data");
  EXPECT_EQ(tensor.Find("rawData"), tensor.Find("raw_data"));
  EXPECT_EQ(tensor.Find(15), nullptr);
  EXPECT_EQ(tensor.Find("data_location")->values->Find("EXTERNAL")->number, 1);
  EXPECT_EQ(DescriptorOf(MessageKind::kTypeProtoSequence).Find(1)->message, MessageKind::kTypeProto);
}

TEST(Descriptor, FieldsAreSorted) {
  for (size_t i = 0; i < static_cast<size_t>(MessageKind::kCount); ++i) {
    const auto fields = DescriptorOf(static_cast<MessageKind>(i)).fields;
    EXPECT_TRUE(std::is_sorted(fields.begin(), fields.end(), [](const auto& a, const auto& b) { return a.number < b.number; }));
  }
}

class Equality : public testing::Test {
 protected:
  bool Equal(MessageKind kind) { return SemanticallyEqual(a_, b_, kind, &difference_); }
  std::string a_, b_, difference_;
};

TEST_F(Equality, IgnoresOrderPackingAndForm) {
  MessageWriter a(&a_), b(&b_);
  a.Int(1, 2);
  a.Int(1, 3);
  a.Int(2, 1);
  a.Int(5, -1);
  b.Tag(5, WireType::kLength);
  b.Varint(5);
  b.Varint(0xffffffff);  // -1 in five bytes
  b.Int(2, 1);
  b.String(1, std::string_view("\x02\x83\x80\x00", 4));  // packed, with a long form of 3
  EXPECT_TRUE(Equal(MessageKind::kTensorProto)) << difference_;
}

TEST_F(Equality, MergesMessagesThatAreNotRepeated) {
  std::string name, doc;
  MessageWriter(&name).String(2, "g");
  MessageWriter(&doc).String(10, "d");
  MessageWriter(&a_).String(7, name);
  MessageWriter(&a_).String(7, doc);
  MessageWriter(&b_).String(7, doc + name);
  EXPECT_TRUE(Equal(MessageKind::kModelProto)) << difference_;
}

TEST_F(Equality, NamesTheFirstDifference) {
  const auto model = [](std::string_view op) {
    std::string node, graph, model;
    MessageWriter(&node).String(4, op);
    MessageWriter(&graph).String(1, "");
    MessageWriter(&graph).String(1, node);
    MessageWriter(&model).String(7, graph);
    return model;
  };
  a_ = model("Add");
  b_ = model("Sub");
  EXPECT_FALSE(Equal(MessageKind::kModelProto));
  EXPECT_EQ(difference_, "graph.node[1].op_type: 'Add' against 'Sub' (byte 0)");
  b_ = a_;
  MessageWriter(&b_).Int(77, 1);
  EXPECT_FALSE(Equal(MessageKind::kModelProto));
  EXPECT_EQ(difference_, "unknown field 77: only in the second");
}

TEST_F(Equality, TellsAnExplicitDefaultFromAbsence) {
  MessageWriter(&a_).Int(1, 0);
  EXPECT_FALSE(Equal(MessageKind::kModelProto));
  EXPECT_EQ(difference_, "ir_version: only in the first");
}

TEST_F(Equality, ReportsBrokenMessages) {
  a_ = "\x0a\x7f";
  EXPECT_FALSE(Equal(MessageKind::kModelProto));
  EXPECT_NE(difference_.find("reaches beyond"), std::string::npos) << difference_;
}

}  // namespace
}  // namespace sardonyx::ir
