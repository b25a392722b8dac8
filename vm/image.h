#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"

// x86 kernel images (Documentation/arch/x86/boot.rst): a bzImage carries a setup header with the version's text and the
// compressed vmlinux. QEMU starts a vmlinux directly by its PVH note, which saves the emulated machine the unpacking
// (0.4 to 0.9 s).
namespace vm {

// "6.1.0-56-cloud-amd64" out of a bzImage's header; kind parse when it is none. `head` needs the first 64 KiB at most.
base::Result<std::string> bzimage_release(std::string_view head);

// The vmlinux inside, an ELF file. kind parse when this is no bzImage or the payload is damaged or of an unknown kind.
base::Result<std::string> extract_vmlinux(std::string_view bzimage);

// Whether the ELF file carries the note by which QEMU can start it (XEN_ELFNOTE_PHYS32_ENTRY).
bool has_pvh_note(std::string_view elf);

// The file to give to QEMU for this image: the vmlinux kept in the cache (made now when it is not there), else the
// image itself.
base::Result<std::filesystem::path> bootable_image(const std::filesystem::path& image);

}  // namespace vm
