//! The allocator of the server, and the way to give back the memory that it keeps.

use mimalloc::MiMalloc;

/// Keys and values are made on one thread and freed on another, which the system's allocator is
/// slow at.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Gives memory that this thread freed, and that other threads freed of it, back to the system.
///
/// The allocator does so by itself only while the thread goes on allocating.
#[allow(unsafe_code)]
pub(crate) fn give_memory_back() {
    // SAFETY: `mi_collect` takes no pointer, and may be called on any thread at any time: it frees
    // pages of the calling thread's heap that no live allocation is in, and touches nothing that a
    // program sees. The library it calls into is the one that `MiMalloc` allocates from, since
    // Cargo links one `libmimalloc-sys` (`links = "mimalloc"`).
    unsafe { libmimalloc_sys::mi_collect(true) }
}
