// The functions of the fmt library, to be linked statically: Debian and Ubuntu ship the shared library alone, and the
// headers hold all of it (fmt/format-inl.h; this is what fmt's own src/format.cc does). Only for oomlab_static, whose
// objects are those of the ordinary build.
#include <fmt/format-inl.h>

FMT_BEGIN_NAMESPACE
namespace detail {

template auto thousands_sep_impl(locale_ref) -> thousands_sep_result<char>;
template auto decimal_point_impl(locale_ref) -> char;
template void buffer<char>::append(const char*, const char*);

}  // namespace detail
FMT_END_NAMESPACE
