#include "sardonyx/status.h"

namespace sardonyx {

std::string_view StatusCodeName(StatusCode code) {
  switch (code) {
    case StatusCode::kOk:
      return "ok";
    case StatusCode::kInvalid:
      return "invalid";
    case StatusCode::kUsage:
      return "usage";
    case StatusCode::kUnsupported:
      return "unsupported";
    case StatusCode::kCorrupt:
      return "corrupt";
    case StatusCode::kResource:
      return "resource";
    case StatusCode::kCancelled:
      return "cancelled";
    case StatusCode::kDeadline:
      return "deadline";
    case StatusCode::kInternal:
      return "internal";
  }
  return "unknown";
}

Status::Status(StatusCode code, std::string message) {
  if (code != StatusCode::kOk) rep_ = std::make_shared<const Rep>(Rep{code, std::move(message)});
}

const std::string& Status::message() const {
  static const std::string* const kEmpty = new std::string();
  return rep_ ? rep_->message : *kEmpty;
}

Status Status::WithContext(std::string_view context) const {
  if (ok()) return *this;
  std::string message(context);
  message.append(": ").append(rep_->message);
  return Status(rep_->code, std::move(message));
}

std::string Status::ToString() const {
  if (ok()) return "ok";
  return std::string(StatusCodeName(code())) + ": " + message();
}

Status Invalid(std::string message) { return Status(StatusCode::kInvalid, std::move(message)); }
Status Usage(std::string message) { return Status(StatusCode::kUsage, std::move(message)); }
Status Unsupported(std::string message) { return Status(StatusCode::kUnsupported, std::move(message)); }
Status Corrupt(std::string message) { return Status(StatusCode::kCorrupt, std::move(message)); }
Status Resource(std::string message) { return Status(StatusCode::kResource, std::move(message)); }
Status Internal(std::string message) { return Status(StatusCode::kInternal, std::move(message)); }

}  // namespace sardonyx
