"""Which texts of the shop's products have a column for each language; django-modeltranslation reads this file."""

from modeltranslation.translator import TranslationOptions, register
from oscar.apps.catalogue.models import Category, Product, ProductAttribute, ProductAttributeValue, ProductClass


@register(Product)
class ProductTexts(TranslationOptions):
    fields = ("title", "description")


@register(Category)
class CategoryTexts(TranslationOptions):
    fields = ("name", "description")


@register(ProductClass)
class ProductClassTexts(TranslationOptions):
    fields = ("name",)


@register(ProductAttribute)
class ProductAttributeTexts(TranslationOptions):
    fields = ("name",)


@register(ProductAttributeValue)
class ProductAttributeValueTexts(TranslationOptions):
    fields = ("value_text",)
