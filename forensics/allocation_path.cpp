#include "forensics/allocation_path.h"

#include <algorithm>
#include <array>

#include "forensics/text.h"

namespace forensics {
namespace {

// How much a frame tells. The innermost frame of the highest strength wins.
enum class Strength { faint, weak, normal, strong };

struct Frame {
  std::string_view text;  // of a function's name
  enum class Match { exact, prefix, contains } match;
  std::string_view path;
  Strength strength = Strength::normal;
};

using enum Frame::Match;

// Function names of mm/, fs/, net/ and kernel/ over 2.6.32 to 6.18; a name that a kernel does not have never matches.
constexpr auto kFrames = std::to_array<Frame>({
    {"moom_callback", exact, "sysrq", Strength::strong},
    {"memory_max_write", exact, "limit_lowered", Strength::strong},
    {"mem_cgroup_resize_max", exact, "limit_lowered", Strength::strong},
    {"mem_cgroup_resize_limit", exact, "limit_lowered", Strength::strong},
    {"copy_process", prefix, "fork", Strength::strong},
    {"dup_mm", prefix, "fork", Strength::strong},
    {"copy_page_range", prefix, "fork", Strength::strong},
    {"alloc_thread_stack_node", exact, "fork", Strength::strong},
    {"mem_cgroup_charge_skmem", exact, "socket", Strength::strong},
    {"__sk_mem_raise_allocated", exact, "socket", Strength::strong},
    {"sock_alloc_send_pskb", exact, "socket", Strength::strong},
    {"__alloc_skb", prefix, "socket", Strength::strong},
    {"alloc_skb_with_frags", exact, "socket", Strength::strong},
    {"sk_page_frag_refill", exact, "socket", Strength::strong},
    {"pipe_write", exact, "pipe", Strength::strong},
    {"alloc_pipe_info", exact, "pipe", Strength::strong},
    {"create_pipe_files", exact, "pipe", Strength::strong},  // its inode, its two files
    {"__do_pipe_flags", exact, "pipe", Strength::strong},    // and their descriptors
    {"do_pipe2", exact, "pipe", Strength::strong},
    {"sock_alloc", prefix, "socket", Strength::strong},
    {"sk_alloc", exact, "socket", Strength::strong},
    {"__sock_create", exact, "socket", Strength::strong},
    {"__sys_socket", prefix, "socket", Strength::strong},
    {"bpf_map_", prefix, "bpf", Strength::strong},
    {"map_create", exact, "bpf", Strength::strong},
    {"__sys_bpf", exact, "bpf", Strength::strong},
    {"do_huge_pmd_anonymous_page", contains, "anon_fault"},
    {"do_anonymous_page", contains, "anon_fault"},
    {"wp_page_copy", prefix, "cow_fault"},
    {"do_wp_page", prefix, "cow_fault"},
    {"do_cow_fault", prefix, "cow_fault"},
    {"do_huge_pmd_wp_page", prefix, "cow_fault"},
    {"do_swap_page", prefix, "swap_in"},
    {"hugetlb_", prefix, "hugetlb"},
    {"alloc_huge_page", exact, "hugetlb"},
    {"collapse_huge_page", contains, "khugepaged"},
    {"filemap_fault", exact, "page_cache_read_fault"},
    {"filemap_map_pages", exact, "page_cache_read_fault"},
    {"filemap_read", exact, "page_cache_read"},
    {"generic_file_buffered_read", exact, "page_cache_read"},
    {"generic_file_read_iter", exact, "page_cache_read"},
    {"generic_file_aio_read", exact, "page_cache_read"},
    {"do_generic_file_read", prefix, "page_cache_read"},
    {"ksys_readahead", exact, "page_cache_read"},
    {"force_page_cache_readahead", contains, "page_cache_read"},
    {"shmem_write_begin", exact, "tmpfs_write"},
    {"shmem_file_write_iter", exact, "tmpfs_write"},
    {"shmem_fallocate", exact, "tmpfs_write"},
    {"shmem_fault", exact, "tmpfs_fault"},
    {"shmem_file_read_iter", exact, "tmpfs_read"},
    {"write_begin", contains, "page_cache_write"},
    {"generic_perform_write", exact, "page_cache_write"},
    {"iomap_file_buffered_write", exact, "page_cache_write"},
    {"btrfs_buffered_write", exact, "page_cache_write"},
    {"prepare_pages", exact, "page_cache_write"},
    {"pte_alloc_one", exact, "page_table"},
    {"__pte_alloc", prefix, "page_table"},
    {"__pmd_alloc", exact, "page_table"},
    {"__pud_alloc", exact, "page_table"},
    {"__p4d_alloc", exact, "page_table"},
    {"pmd_alloc_one", exact, "page_table"},
    {"pgd_alloc", exact, "page_table"},
    {"pcpu_alloc", prefix, "percpu"},
    {"__vmalloc", prefix, "vmalloc"},
    {"vmalloc", prefix, "vmalloc"},
    {"vzalloc", prefix, "vmalloc"},
    {"kmem_cache_alloc", prefix, "slab"},
    {"__memcg_slab_post_alloc_hook", exact, "slab"},
    {"__kmalloc", prefix, "slab"},
    {"kmalloc", prefix, "slab"},
    {"kzalloc", prefix, "slab"},
    {"new_slab", prefix, "slab"},
    {"cache_alloc_refill", exact, "slab"},
    {"memcg_charge_kmem", contains, "kernel_memory", Strength::weak},
    {"obj_cgroup_charge", contains, "kernel_memory", Strength::weak},
    {"add_to_page_cache", contains, "page_cache", Strength::weak},
    {"filemap_add_folio", contains, "page_cache", Strength::weak},
    {"filemap_get_folio", contains, "page_cache", Strength::weak},
    {"page_cache_ra_", prefix, "page_cache", Strength::weak},
    {"mem_cgroup_cache_charge", exact, "page_cache", Strength::weak},
    {"load_elf_binary", exact, "exec", Strength::weak},
    {"setup_arg_pages", exact, "exec", Strength::weak},
    {"__do_fault", exact, "file_fault", Strength::weak},
    // do_anonymous_page() is often inlined into the fault handler: what it calls is left, with no frame of a file
    // between.
    {"vma_alloc_folio", prefix, "anon_fault", Strength::faint},
    {"alloc_pages_vma", exact, "anon_fault", Strength::faint},
    {"alloc_zeroed_user_highpage", contains, "anon_fault", Strength::faint},
    {"mem_cgroup_newpage_charge", contains, "anon_fault", Strength::faint},
    {"mem_cgroup_try_charge", contains, "anon_fault", Strength::faint},
    {"mem_cgroup_charge", contains, "anon_fault", Strength::faint},
    {"handle_mm_fault", contains, "page_fault", Strength::faint},
    {"pagefault_out_of_memory", exact, "page_fault", Strength::faint},
    {"do_page_fault", contains, "page_fault", Strength::faint},
    {"do_user_addr_fault", contains, "page_fault", Strength::faint},
});

// "? kmem_cache_alloc_noprof+0x3cd/0x410 [xfs]" -> "kmem_cache_alloc"; nothing for the frames that the unwinder itself
// doubts.
std::string_view function_name(std::string_view frame) {
  frame.remove_prefix(std::min(frame.find_first_not_of(' '), frame.size()));
  if (frame.starts_with('?')) {
    return {};
  }
  frame = frame.substr(0, frame.find_first_of("+ "));
  frame = frame.substr(0, frame.find('.'));  // .cold, .constprop.0, .isra.0, .part.3
  for (const std::string_view suffix : {"_noprof"}) {
    if (frame.ends_with(suffix)) {
      frame.remove_suffix(suffix.size());
    }
  }
  return frame;
}

const Frame* find_frame(std::string_view function) {
  const auto found = std::ranges::find_if(kFrames, [&](const Frame& frame) {
    switch (frame.match) {
      case exact:
        return function == frame.text;
      case prefix:
        return begins_with(function, frame.text);
      case contains:
        return function.contains(frame.text);
    }
    return false;
  });
  return found == kFrames.end() ? nullptr : &*found;
}

constexpr auto kWords = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"sysrq", "a request by SysRq-f"},
    {"limit_lowered", "somebody lowering the limit below the usage"},
    {"fork", "starting a process or thread"},
    {"socket", "making a socket or filling its buffer"},
    {"pipe", "making or filling a pipe"},
    {"bpf", "making a BPF map or program"},
    {"anon_fault", "touching anonymous memory for the first time"},
    {"cow_fault", "writing to a page that was shared copy-on-write"},
    {"swap_in", "reading a page back from swap"},
    {"hugetlb", "a huge page of the hugetlb pool"},
    {"khugepaged", "merging small pages into a huge one"},
    {"page_cache_read_fault", "reading a mapped file into the page cache"},
    {"page_cache_read", "reading a file into the page cache"},
    {"page_cache", "the page cache of a file"},
    {"page_cache_write", "writing to a file through the page cache"},
    {"tmpfs_write", "writing to tmpfs or shared memory"},
    {"tmpfs_fault", "touching shared memory or a mapped tmpfs file"},
    {"tmpfs_read", "reading from tmpfs"},
    {"page_table", "a page table"},
    {"percpu", "per-CPU kernel memory"},
    {"vmalloc", "kernel memory by vmalloc"},
    {"slab", "a kernel object (slab)"},
    {"kernel_memory", "kernel memory"},
    {"exec", "starting a program"},
    {"file_fault", "a page fault on a mapped file"},
    {"page_fault", "a page fault"},
    {"driver", "a kernel module"},
});

}  // namespace

Text allocation_path(std::span<const std::string> call_trace, bool manual) {
  if (manual) {
    return "sysrq";
  }
  const Frame* best = nullptr;
  bool module = false;
  for (const auto& frame : call_trace) {
    const auto* found = find_frame(function_name(frame));
    module = module || frame.ends_with(']');
    if (found != nullptr && (best == nullptr || found->strength > best->strength)) {
      best = found;
    }
  }
  if (best != nullptr) {
    return std::string(best->path);
  }
  return module ? Text("driver") : std::nullopt;
}

std::string_view allocation_path_words(std::string_view path) {
  const auto found = std::ranges::find(kWords, path, &std::pair<std::string_view, std::string_view>::first);
  return found == kWords.end() ? path : found->second;
}

}  // namespace forensics
