"""A small shop of its own making, as a project that installs coldrec would have it."""

from django.db import models


class Maker(models.Model):
    name = models.CharField(max_length=100)


class Category(models.Model):
    name = models.CharField(max_length=100)
    parent = models.ForeignKey("self", null=True, on_delete=models.CASCADE)

    def __str__(self) -> str:
        return self.name


class Tag(models.Model):
    name = models.CharField(max_length=100)

    def __str__(self) -> str:
        return self.name


class Product(models.Model):
    sku = models.CharField(max_length=300)
    name = models.CharField(max_length=1000, blank=True)
    description = models.TextField(blank=True)
    maker = models.ForeignKey(Maker, null=True, on_delete=models.CASCADE)
    category = models.ForeignKey(Category, null=True, on_delete=models.CASCADE)
    tags = models.ManyToManyField(Tag)
    price = models.CharField(max_length=30, blank=True)  # as text, so that a test can store a wrong one
    colour = models.CharField(max_length=200, blank=True)
    photo = models.FileField(blank=True)
    in_stock = models.BooleanField(default=True)

    def get_absolute_url(self) -> str:
        return f"/products/{self.pk}/"


class Offer(models.Model):
    product = models.ForeignKey(Product, on_delete=models.CASCADE)
