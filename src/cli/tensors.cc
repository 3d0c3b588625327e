#include "cli/tensors.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <optional>
#include <random>

#include <fmt/format.h>

#include "base/file.h"
#include "base/status_macros.h"
#include "cli/csv.h"
#include "formats/json.h"
#include "formats/npz.h"
#include "ir/load.h"
#include "ir/save.h"
#include "validate/compare.h"
#include "validate/made_inputs.h"
#include "vision/decode.h"
#include "vision/preprocess.h"

namespace sardonyx::cli {
namespace {

std::string Suffix(const std::string& path) {
  std::string suffix = std::filesystem::path(path).extension().string();
  std::transform(suffix.begin(), suffix.end(), suffix.begin(), [](unsigned char c) { return std::tolower(c); });
  return suffix;
}

ir::Type TypeOf(const ValueInfo& info) {
  const bool optional = info.type.starts_with("optional(");  // a .pb says more of it than its tensor
  if (info.dtype != DataType::kUndefined && !optional) return ir::Type::Tensor(info.dtype);
  ir::Type type;
  if (info.type.starts_with("seq(")) type.kind = ir::Type::Kind::kSequence;
  if (info.type.starts_with("map(")) type.kind = ir::Type::Kind::kMap;
  if (optional) type.kind = ir::Type::Kind::kOptional;
  if (info.type.starts_with("sparse_tensor(")) type.kind = ir::Type::Kind::kSparseTensor;
  return type;
}

StatusOr<vision::Preprocess> PictureSettings(const ValueInfo& info, const InputContext& context) {
  vision::Preprocess settings = context.sidecar.image.value_or(vision::Preprocess());
  const PictureFlags& flags = context.pictures;
  if (!flags.preset.empty()) {
    const auto preset = vision::FindPreset(flags.preset);
    if (!preset) return Usage(fmt::format("no preset '{}'; known: {}", flags.preset, fmt::join(vision::PresetNames(), ", ")));
    settings = *preset;
  }
  if (!flags.size.empty()) {
    settings.height = flags.size[0];
    settings.width = flags.size.size() > 1 ? flags.size[1] : flags.size[0];
  }
  const auto fill = [](const std::vector<double>& from, std::array<double, 3>* to) {
    for (size_t i = 0; i < 3 && !from.empty(); ++i) (*to)[i] = from[std::min(i, from.size() - 1)];
  };
  fill(flags.mean, &settings.mean);
  fill(flags.std_dev, &settings.stddev);
  if (flags.color == "rgb") settings.color = vision::Color::kRgb;
  if (flags.color == "bgr") settings.color = vision::Color::kBgr;
  if (flags.color == "gray") settings.color = vision::Color::kGray;
  if (flags.fit == "stretch") settings.fit = vision::Fit::kStretch;
  if (flags.fit == "crop") settings.fit = vision::Fit::kCrop;
  if (flags.fit == "letterbox") settings.fit = vision::Fit::kLetterbox;
  if (flags.fit == "none") settings.fit = vision::Fit::kNone;
  if (flags.layout == "nhwc") settings.layout = vision::Layout::kNhwc;
  if (flags.layout == "nchw") settings.layout = vision::Layout::kNchw;
  if (!info.has_shape) return Usage(fmt::format("input '{}' has no known shape, so it cannot take a picture", info.name));
  RETURN_IF_ERROR(vision::AdaptToInput(info.dtype, info.dims, &settings).WithContext(fmt::format("input '{}'", info.name)));
  return settings;
}

StatusOr<Value> ReadPicture(const Bytes& bytes, const ValueInfo& info, const InputContext& context) {
  ASSIGN_OR_RETURN(const vision::Preprocess settings, PictureSettings(info, context));
  ASSIGN_OR_RETURN(const vision::Image image, vision::DecodeImage(bytes.span()));
  ASSIGN_OR_RETURN(Tensor tensor, vision::ApplyPreprocess(image, settings));
  return Value(std::move(tensor));
}

// Text: one string a line, as a tensor [lines], or [lines, 1] where the input has rank 2.
Value ReadLines(const Bytes& bytes, const ValueInfo& info) {
  std::vector<std::string> lines;
  std::string_view rest = bytes.view();
  while (!rest.empty()) {
    const size_t end = rest.find('\n');
    std::string line(rest.substr(0, end));
    if (!line.empty() && line.back() == '\r') line.pop_back();
    lines.push_back(std::move(line));
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  }
  const auto count = static_cast<int64_t>(lines.size());
  return Tensor::FromStrings(info.dims.size() == 2 ? Dims{count, 1} : Dims{count}, std::move(lines));
}

StatusOr<Value> ReadOne(const std::string& path, const ValueInfo& info, const InputContext& context) {
  ASSIGN_OR_RETURN(const Bytes bytes, MapFile(path));
  const std::string suffix = Suffix(path);
  const auto read = [&]() -> StatusOr<Value> {
    if (formats::IsNpy(bytes.span())) {
      ASSIGN_OR_RETURN(Tensor tensor, formats::ReadNpy(bytes, info.dtype));
      return Value(std::move(tensor));
    }
    if (suffix == ".pb") return ir::ParseValue(bytes, TypeOf(info));
    if (suffix == ".json") {
      ASSIGN_OR_RETURN(const formats::Json json, formats::ParseJson(bytes.view()));
      ASSIGN_OR_RETURN(Tensor tensor, formats::TensorFromJson(json, info.dtype));
      return Value(std::move(tensor));
    }
    if (suffix == ".csv") {
      ASSIGN_OR_RETURN(const CsvTable table, ParseCsv(bytes.view()));
      ASSIGN_OR_RETURN(Tensor tensor, TensorFromCsv(table, info));
      return Value(std::move(tensor));
    }
    if (vision::DetectImageFormat(bytes.span()) != vision::ImageFormat::kUnknown) return ReadPicture(bytes, info, context);
    if (suffix == ".txt" && info.dtype == DataType::kString) return ReadLines(bytes, info);
    return Usage("not a kind of file that an input can come from: .npz, .npy, .pb, .json, .csv, .txt, or a picture");
  };
  return read().WithContext(path);
}

const ValueInfo* FindInfo(const std::vector<ValueInfo>& infos, std::string_view name) {
  for (const ValueInfo& info : infos)
    if (info.name == name) return &info;
  return nullptr;
}

// The arrays of an .npz by name, or by order where no name is an input's.
Status ReadArchive(const std::string& path, const std::vector<ValueInfo>& inputs, std::vector<Session::NamedValue>* values) {
  ASSIGN_OR_RETURN(const Bytes bytes, MapFile(path));
  const auto expected = [&](std::string_view name) {
    const ValueInfo* info = FindInfo(inputs, name);
    return info ? info->dtype : DataType::kUndefined;
  };
  StatusOr<formats::NamedTensors> arrays = formats::ReadNpz(bytes, expected);
  if (!arrays.ok()) return arrays.status().WithContext(path);
  bool any = false;
  for (const auto& [name, tensor] : *arrays) any |= FindInfo(inputs, name) != nullptr;
  for (size_t i = 0; i < arrays->size(); ++i) {
    const auto& [name, tensor] = (*arrays)[i];
    if (any && !FindInfo(inputs, name)) continue;  // an archive may hold more than the inputs
    if (!any && i >= inputs.size())
      return Usage(fmt::format("{}: {} arrays for a model with {} inputs", path, arrays->size(), inputs.size()));
    values->emplace_back(any ? name : inputs[i].name, tensor);
  }
  return {};
}

// A .csv file whose header names the inputs; false when it is one tensor.
StatusOr<bool> ReadCsvInputs(const std::string& path, const std::vector<ValueInfo>& inputs, std::vector<Session::NamedValue>* values) {
  ASSIGN_OR_RETURN(const Bytes bytes, MapFile(path));
  const auto read = [&]() -> StatusOr<bool> {
    ASSIGN_OR_RETURN(const CsvTable table, ParseCsv(bytes.view()));
    return ReadCsvColumns(table, inputs, values);
  };
  return read().WithContext(path);
}

// A .json file of several inputs, {"name": tensor, ...}; false when it is one tensor.
StatusOr<bool> ReadJsonInputs(const std::string& path, const std::vector<ValueInfo>& inputs, std::vector<Session::NamedValue>* values) {
  ASSIGN_OR_RETURN(const Bytes bytes, MapFile(path));
  const StatusOr<formats::Json> json = formats::ParseJson(bytes.view());
  if (!json.ok()) return json.status().WithContext(path);
  if (!json->is_object() || json->contains("data")) return false;
  for (const auto& [name, one] : json->items()) {
    const ValueInfo* info = FindInfo(inputs, name);
    if (!info) return Usage(fmt::format("{}: the model has no input '{}'", path, name));
    StatusOr<Tensor> tensor = formats::TensorFromJson(one, info->dtype);
    if (!tensor.ok()) return tensor.status().WithContext(fmt::format("{}: {}", path, name));
    values->emplace_back(name, *std::move(tensor));
  }
  return true;
}

}  // namespace

void AddPictureFlags(CLI::App* app, PictureFlags* flags) {
  app->add_option("--preset", flags->preset, "Pictures: named settings (imagenet, zero-one, yolo, ...)")->group("Pictures");
  app->add_option("--image-size", flags->size, "Pictures: size, or height,width")->delimiter(',')->expected(1, 2)->group("Pictures");
  app->add_option("--mean", flags->mean, "Pictures: mean a channel, after scaling")->delimiter(',')->expected(1, 3)->group("Pictures");
  app->add_option("--std", flags->std_dev, "Pictures: deviation a channel")->delimiter(',')->expected(1, 3)->group("Pictures");
  app->add_option("--image-color", flags->color, "Pictures: channel order")
      ->check(CLI::IsMember({"rgb", "bgr", "gray"}))
      ->group("Pictures");
  app->add_option("--image-fit", flags->fit, "Pictures: how they come to their size")
      ->check(CLI::IsMember({"stretch", "crop", "letterbox", "none"}))
      ->group("Pictures");
  app->add_option("--image-layout", flags->layout, "Pictures: layout where the model leaves it open")
      ->check(CLI::IsMember({"nchw", "nhwc"}))
      ->group("Pictures");
}

StatusOr<std::vector<Session::NamedValue>> ReadInputs(const std::vector<std::string>& specs, const InputContext& context) {
  std::vector<Session::NamedValue> values;
  const auto taken = [&](const std::string& name) {
    return std::any_of(values.begin(), values.end(), [&](const auto& v) { return v.first == name; });
  };
  for (const std::string& spec : specs) {
    // NAME=FILE, unless the whole is a file or what stands before '=' is no input.
    const size_t equals = spec.find('=');
    const ValueInfo* info = equals == std::string::npos ? nullptr : FindInfo(context.inputs, spec.substr(0, equals));
    if (equals != std::string::npos && !info && !std::filesystem::exists(spec)) {
      std::string names;
      for (const ValueInfo& one : context.inputs) names += fmt::format("{}'{}'", names.empty() ? "" : ", ", one.name);
      return Usage(fmt::format("--input {}: the model has no input '{}'; its inputs are {}", spec, spec.substr(0, equals), names));
    }
    const std::string path = info ? spec.substr(equals + 1) : spec;
    if (!info && Suffix(path) == ".npz") {
      RETURN_IF_ERROR(ReadArchive(path, context.inputs, &values));
      continue;
    }
    if (!info && Suffix(path) == ".json") {
      ASSIGN_OR_RETURN(const bool several, ReadJsonInputs(path, context.inputs, &values));
      if (several) continue;
    }
    if (!info && Suffix(path) == ".csv" && values.empty()) {
      ASSIGN_OR_RETURN(const bool columns, ReadCsvInputs(path, context.inputs, &values));
      if (columns) continue;
    }
    if (!info && !context.sidecar.image_input.empty()) info = FindInfo(context.inputs, context.sidecar.image_input);
    if (!info) {
      const auto next = std::find_if(context.inputs.begin(), context.inputs.end(),
                                     [&](const ValueInfo& one) { return !one.optional && !taken(one.name); });
      if (next == context.inputs.end()) return Usage(fmt::format("--input {}: every input has a value already", spec));
      info = &*next;
    }
    ASSIGN_OR_RETURN(Value value, ReadOne(path, *info, context));
    values.emplace_back(info->name, std::move(value));
  }
  return values;
}

namespace {

StatusOr<Dims> ParseDims(std::string_view text, std::string_view whole) {
  Dims dims;
  while (!text.empty()) {
    const size_t comma = text.find(',');
    const std::string_view part = text.substr(0, comma);
    int64_t value = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    if (error != std::errc() || end != part.data() + part.size() || value < 0)
      return Usage(fmt::format("--shape {}: '{}' is not a size", whole, part));
    dims.push_back(value);
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
  }
  return dims;
}

}  // namespace

StatusOr<std::pair<std::string, Dims>> ParseShapeFlag(std::string_view text) {
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos) return Usage(fmt::format("--shape {}: expected NAME=SIZE,SIZE,...", text));
  ASSIGN_OR_RETURN(Dims dims, ParseDims(text.substr(equals + 1), text));
  return std::make_pair(std::string(text.substr(0, equals)), std::move(dims));
}

Status AddRandomInputs(const std::vector<ValueInfo>& inputs, uint64_t seed, const std::vector<std::string>& shapes,
                       std::vector<Session::NamedValue>* values) {
  std::mt19937_64 generator(seed);
  std::vector<std::pair<std::string, Dims>> given;
  for (const std::string& shape : shapes) {
    ASSIGN_OR_RETURN(auto one, ParseShapeFlag(shape));
    if (!FindInfo(inputs, one.first)) return Usage(fmt::format("--shape {}: the model has no input '{}'", shape, one.first));
    given.push_back(std::move(one));
  }
  // What symbols stand for where a shape or a value is given, for the inputs that share them.
  validate::SizesOfSymbols sizes;
  for (const ValueInfo& info : inputs) {
    const auto shape = std::find_if(given.begin(), given.end(), [&](const auto& g) { return g.first == info.name; });
    const auto value = std::find_if(values->begin(), values->end(), [&](const auto& v) { return v.first == info.name; });
    const bool has_value = value != values->end() && value->second.is_tensor();
    if (shape == given.end() && !has_value) continue;
    validate::TakeSizes(info, has_value ? value->second.tensor().dims() : shape->second, &sizes);
  }
  for (const ValueInfo& info : inputs) {
    const bool optional_tensor = info.type.starts_with("optional(") && info.dtype != DataType::kUndefined;  // given too
    if ((info.optional && !optional_tensor) || std::any_of(values->begin(), values->end(), [&](const auto& v) { return v.first == info.name; })) continue;
    if (info.dtype == DataType::kUndefined)
      return Unsupported(fmt::format("input '{}' is a {}: give it with --input", info.name, info.type));
    Dims dims;
    const auto shape = std::find_if(given.begin(), given.end(), [&](const auto& g) { return g.first == info.name; });
    if (shape != given.end())
      dims = shape->second;
    else if (!info.has_shape)
      return Usage(fmt::format("input '{}' has no known shape: say --shape {}=...", info.name, info.name));
    else
      dims = validate::DimsOf(info, sizes);
    ASSIGN_OR_RETURN(Tensor tensor, validate::RandomTensor(info.dtype, dims, {.integers = 2}, generator));
    values->emplace_back(info.name, std::move(tensor));
  }
  return {};
}

namespace {

// A sequence of maps over equal keys -> keys [k] and values [n, k]; nothing if it is none.
std::optional<std::pair<Tensor, Tensor>> TabulateMaps(const Value::Sequence& items) {
  if (items.empty() || !items[0].is_map() || !items[0].map().values.is_tensor()) return std::nullopt;
  const Tensor& keys = items[0].map().keys;
  const Tensor& first = items[0].map().values.tensor();
  if (first.dtype() == DataType::kString || first.num_elements() != keys.num_elements()) return std::nullopt;
  StatusOr<Tensor> table = Tensor::Allocate(first.dtype(), {static_cast<int64_t>(items.size()), keys.num_elements()});
  if (!table.ok()) return std::nullopt;
  const size_t row = first.byte_size();
  for (size_t i = 0; i < items.size(); ++i) {
    if (!items[i].is_map() || !items[i].map().values.is_tensor() || items[i].map().values.tensor().byte_size() != row) return std::nullopt;
    if (!validate::CompareTensors(items[i].map().keys, keys, {0, 0}).ok) return std::nullopt;
    std::copy_n(static_cast<const char*>(items[i].map().values.tensor().raw_data()), row,
                static_cast<char*>(table->mutable_raw_data()) + i * row);
  }
  return std::make_pair(keys, *std::move(table));
}

void Flatten(const std::string& name, const Value& value, formats::NamedTensors* out) {
  switch (value.kind()) {
    case Value::Kind::kNone:
      break;
    case Value::Kind::kTensor:
      out->emplace_back(name, value.tensor());
      break;
    case Value::Kind::kSparseTensor:
      out->emplace_back(name + ".values", value.sparse_tensor().values);
      out->emplace_back(name + ".indices", value.sparse_tensor().indices);
      break;
    case Value::Kind::kMap:
      out->emplace_back(name + ".keys", value.map().keys);
      Flatten(name + ".values", value.map().values, out);
      break;
    case Value::Kind::kSequence:
      if (auto table = TabulateMaps(value.sequence())) {
        out->emplace_back(name, table->second);
        out->emplace_back(name + ".keys", table->first);
        break;
      }
      for (size_t i = 0; i < value.sequence().size(); ++i) Flatten(fmt::format("{}.{}", name, i), value.sequence()[i], out);
  }
}

}  // namespace

Json ValueToJson(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kNone:
      return nullptr;
    case Value::Kind::kTensor: {
      const StatusOr<formats::Json> json = formats::TensorToJson(value.tensor());
      return json.ok() ? Json(*json) : Json(value.TypeString());
    }
    case Value::Kind::kSparseTensor:
      return {{"values", ValueToJson(value.sparse_tensor().values)}, {"indices", ValueToJson(value.sparse_tensor().indices)}};
    case Value::Kind::kMap:
      return {{"keys", ValueToJson(value.map().keys)}, {"values", ValueToJson(value.map().values)}};
    case Value::Kind::kSequence: {
      Json list = Json::array();
      for (const Value& item : value.sequence()) list.push_back(ValueToJson(item));
      return list;
    }
  }
  return nullptr;
}

Status WriteOutputs(const std::string& path, const std::vector<std::string>& names, const std::vector<Value>& values) {
  const std::string suffix = Suffix(path);
  if (suffix == ".json") {
    Json document;
    for (size_t i = 0; i < values.size(); ++i) document[names[i]] = ValueToJson(values[i]);
    return WriteFileAtomically(path, document.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
  }
  formats::NamedTensors tensors;
  for (size_t i = 0; i < values.size(); ++i) Flatten(names[i], values[i], &tensors);
  if (suffix == ".npz") return WriteFileAtomically(path, [&](const ByteSink& sink) { return formats::WriteNpz(tensors, sink); });
  if (suffix != ".npy" && suffix != ".pb") return Usage(fmt::format("--output {}: the suffix must be .npz, .npy, .pb or .json", path));
  if (suffix == ".pb" && values.size() == 1) {
    ASSIGN_OR_RETURN(const std::string wire, ir::SerializeValue(values[0]));
    return WriteFileAtomically(path, wire);
  }
  if (tensors.size() != 1 || suffix == ".pb") return Usage(fmt::format("--output {}: {} outputs need an .npz file", path, tensors.size()));
  return WriteFileAtomically(path, [&](const ByteSink& sink) { return formats::WriteNpy(tensors[0].second, sink); });
}

StatusOr<std::vector<Session::NamedValue>> ReadArrays(const std::string& path) {
  ASSIGN_OR_RETURN(const Bytes bytes, MapFile(path));
  StatusOr<formats::NamedTensors> arrays = formats::ReadNpz(bytes);
  if (!arrays.ok()) return arrays.status().WithContext(path);
  std::vector<Session::NamedValue> values;
  for (auto& [name, tensor] : *arrays) values.emplace_back(name, std::move(tensor));
  return values;
}

std::string Summarize(const Value& value) {
  if (value.is_sequence())
    if (const auto table = TabulateMaps(value.sequence()))
      return fmt::format("maps from {} to {}", Summarize(table->first), Summarize(table->second));
  if (!value.is_tensor()) return value.TypeString();
  const Tensor& tensor = value.tensor();
  const int64_t count = tensor.num_elements();
  std::string head;
  constexpr int64_t kShown = 6;
  for (int64_t i = 0; i < std::min(count, kShown); ++i) {
    if (tensor.dtype() == DataType::kString)
      head += fmt::format("{}\"{}\"", i ? ", " : "", tensor.data<std::string>()[i]);
    else
      head += fmt::format("{}{:.5g}", i ? ", " : "", validate::ElementAsDouble(tensor, i));
  }
  std::string text = fmt::format("{} [{}{}]", tensor.TypeString(), head, count > kShown ? ", ..." : "");
  if (count <= kShown || !(IsFloatingPoint(tensor.dtype()) || IsInteger(tensor.dtype()))) return text;
  double low = INFINITY, high = -INFINITY, sum = 0;
  int64_t nans = 0;
  for (int64_t i = 0; i < count; ++i) {
    const double v = validate::ElementAsDouble(tensor, i);
    if (std::isnan(v)) {
      ++nans;
      continue;
    }
    low = std::min(low, v);
    high = std::max(high, v);
    sum += v;
  }
  text += fmt::format("  min {:.5g}  max {:.5g}  mean {:.5g}", low, high, sum / static_cast<double>(std::max<int64_t>(1, count - nans)));
  if (nans) text += fmt::format("  NaN {}", nans);
  return text;
}

}  // namespace sardonyx::cli
